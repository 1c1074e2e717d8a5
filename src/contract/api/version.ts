/** The version of the wire contract. A test pins it to a hash of the OpenAPI document: change the wire, raise the version. */
export const CONTRACT_VERSION = '0.7.0';
