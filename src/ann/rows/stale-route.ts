import { refuse } from '../../contract/outcome.ts';

/** To whoever was routed by what is no longer so: never seen by clients. */
export const STALE_ROUTE = refuse('stale_route', 'the index was reorganised: ask for its routes and repeat the call');
