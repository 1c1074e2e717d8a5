import { Hono } from 'hono';

/** The floor: what one route of the same framework costs on the same runtime, doing nothing. */
const app = new Hono();
app.get('/', (context) => context.json({ status: 'ok' }));

export default app;
