import { bundle } from '../../../workers/local/bundle.ts';

/** Set-up of tests that run the bundles in dist/: builds them from the current sources. */
export default (): Promise<void> => bundle();
