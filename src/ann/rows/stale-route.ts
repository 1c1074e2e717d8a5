import { refuse } from '../../contract/outcome.ts';

/** For callers with an outdated route: never seen by clients. */
export const STALE_ROUTE = refuse('stale_route', 'the index was resharded: fetch its routes and repeat the call');
