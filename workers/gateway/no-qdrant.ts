/** Stands in for `qdrant-error.ts` in the bundles of Workers without a path of Qdrant's API: a refusal in its shape there is a defect. */
export const qdrantError = (): never => {
  throw new Error('qdrantError is not in this bundle: see workers/gateway/no-qdrant.ts');
};
