import { RouteRegistry } from '../src/upstreams/routes/route-registry.ts';
import { objectOf } from './object-of.ts';
import { systemClock } from './system-time.ts';

/** The routes of one owner: of a tenant, or of the platform. */
export class RouteObject extends objectOf(RouteRegistry, ({ storage }) => new RouteRegistry(storage, systemClock)) {}
