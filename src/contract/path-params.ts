/** The parameters in the path of an endpoint: whole segments, so that `/v1/jobs:plan` has none. */
export const PATH_PARAMS = /(?<=\/):(\w+)/g;
