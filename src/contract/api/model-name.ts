/**
 * Requests name a model, or behind an `@` one version of it: `glove-sif-100@1`. A name without a version is the newest. Keys are restricted to
 * models, of all versions.
 */
export const nameWithoutVersion = (name: string): string => name.split('@', 1)[0] ?? name;

/** The name by which requests name exactly this version. */
export const pinnedName = ({ id, version }: { readonly id: string; readonly version: string }): string => `${id}@${version}`;
