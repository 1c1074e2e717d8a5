export { InferenceService } from './inference-service.ts';

/** The gateway calls `InferenceService`; there is nothing here for HTTP. */
export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler;
