import type { RoutedShard } from './route-table.ts';

type Owner = Pick<RoutedShard, 'centroids'>;

export function isSameRegion({ centroids }: Owner, { centroids: other }: Owner): boolean {
  const { codes, scales } = centroids;
  if (centroids === other) return true;
  if (codes.length !== other.codes.length) return false;
  return codes.every((code, i) => code === other.codes[i]) && scales.every((scale, i) => scale === other.scales[i]);
}
