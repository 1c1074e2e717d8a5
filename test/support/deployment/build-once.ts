import { bundle } from '../../../workers/local/bundle.ts';

/** Before tests of a deployment: they run the bundles in dist/, which must be of the sources of now. */
export default (): Promise<void> => bundle();
