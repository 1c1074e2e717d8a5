import { buildApp } from './app.ts';

export { GenerationObject } from './generation-object.ts';

export default buildApp();
