export { GuardrailService } from './guardrail-service.ts';
export { QuestionEmbeddingService } from './question-embedding-service.ts';
export { InferenceService } from './inference-service.ts';

/** Other Workers call these services; there is nothing here for HTTP. */
export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler;
