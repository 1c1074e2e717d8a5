import { ModelRegistry } from '../src/inference/registry/model-registry.ts';
import { objectOf } from './object-of.ts';
import { systemClock } from './system-time.ts';

/** The models of one owner: of a tenant, or of the platform. */
export class ModelRegistryObject extends objectOf(ModelRegistry, ({ storage }) => new ModelRegistry(storage, systemClock)) {}
