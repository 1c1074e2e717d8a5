import { Hono } from 'hono';

/** The baseline: the cost of an empty route of the same framework on the same runtime. */
const app = new Hono();
app.get('/', (context) => context.json({ status: 'ok' }));

export default app;
