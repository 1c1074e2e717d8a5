/**
 * The path, in the model's folder, of a file that a graph names: beside the graph or below. Undefined for any other: names with `..`,
 * absolute ones, those of drives and URLs. [M53]
 */
export function externalPath(graphPath: string, location: string): string | undefined {
  const name = location.startsWith('./') ? location.slice(2) : location;
  if (/[\\:\0]/.test(name)) return undefined;
  if (name.split('/').some((part) => part === '' || part === '.' || part === '..')) return undefined;
  return graphPath.includes('/') ? `${graphPath.slice(0, graphPath.lastIndexOf('/'))}/${name}` : name;
}

/** Whether a path of a manifest names a file below its folder, in one way only. [M53] */
export const isModelPath = (path: string): boolean => externalPath('', path) === path;
