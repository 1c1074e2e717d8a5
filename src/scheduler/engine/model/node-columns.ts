/** The most accelerators of one node: a set of them fits a small integer, and a row of them one cache line. */
export const NODE_ACCELERATORS_MAX = 16;

/** What is free on each node, as columns of integers: a search over 10,000 nodes reads memory in order. Room for more is made as needed. */
export class NodeColumns {
  cpuFreeMilli = new Int32Array(0);
  memoryFreeMib = new Int32Array(0);
  /** `NODE_ACCELERATORS_MAX` a node. */
  acceleratorFreeMilli = new Int16Array(0);
  /** Wholly idle accelerators of the node. */
  wholeFree = new Uint8Array(0);
  /** Rises whenever something of the node changes, so that what was worked out about it can be kept. */
  revision = new Uint32Array(0);
  /** Jobs there. */
  slotCount = new Int32Array(0);
  /** 1 where new work may be placed. */
  isOpen = new Uint8Array(0);

  reserve(count: number): void {
    if (count <= this.isOpen.length) return;
    const capacity = Math.max(64, count, this.isOpen.length * 2);
    this.cpuFreeMilli = grown(new Int32Array(capacity), this.cpuFreeMilli);
    this.memoryFreeMib = grown(new Int32Array(capacity), this.memoryFreeMib);
    this.acceleratorFreeMilli = grown(new Int16Array(capacity * NODE_ACCELERATORS_MAX), this.acceleratorFreeMilli);
    this.wholeFree = grown(new Uint8Array(capacity), this.wholeFree);
    this.revision = grown(new Uint32Array(capacity), this.revision);
    this.slotCount = grown(new Int32Array(capacity), this.slotCount);
    this.isOpen = grown(new Uint8Array(capacity), this.isOpen);
  }
}

function grown<Column extends { set(from: Column): void }>(column: Column, from: Column): Column {
  column.set(from);
  return column;
}
