import { MODEL_REGISTRY_CALLS, ModelRegistry } from '../src/inference/registry/model-registry.ts';
import { objectOf } from './domain-object.ts';

/** The models of one owner: of a tenant, or of the platform. See `ModelRegistry`. */
export class ModelRegistryObject extends objectOf(ModelRegistry, MODEL_REGISTRY_CALLS) {}
