/**
 * Stands in for `tiny-lfu-eviction.ts`: caches of Workers admit all, only those of the library may ask for `frequent`. A cache that asks for it
 * here is a defect.
 */
export function TinyLfuEviction(): never {
  throw new Error('TinyLfuEviction is not in this bundle: see workers/gateway/no-tiny-lfu.ts');
}
