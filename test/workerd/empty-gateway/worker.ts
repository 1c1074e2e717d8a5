import { DurableObject } from 'cloudflare:workers';

/** What stands in the gateway's place where the start of the other Workers is measured alone. */
export class GenerationObject extends DurableObject {}

export default { fetch: () => new Response('ok') };
