import { assert, must } from '../../../kernel/assert.ts';
import { chance } from '../../../kernel/seeded.ts';

/** Two texts that belong together, as token ids. */
export interface TokenPair {
  readonly anchor: Int32Array;
  readonly positive: Int32Array;
}

export interface FitSettings {
  readonly epochs: number;
  readonly batchSize: number;
  /** 1 is the rate that fits tables of any scale; see `BASE_RATE`. */
  readonly rateMultiplier: number;
  readonly seed: number;
}

interface FitSource {
  readonly dimensions: number;
  /** The row of a token as it is before the fit; undefined: the token is unknown, and stays so. */
  readonly rowOf: (id: number) => Float64Array | undefined;
  readonly train: readonly TokenPair[];
  readonly validation: readonly TokenPair[];
  readonly settings: FitSettings;
}

/** How well the rows fit: the mean loss, and how many of the anchors are nearest to their own positive among all. */
interface Measured {
  readonly loss: number;
  readonly recallAt1: number;
}

interface Text {
  /** Where its words' rows are. */
  readonly slots: Int32Array;
  /** Equal texts have equal keys. */
  readonly key: number;
}

interface Pair {
  readonly anchor: Text;
  readonly positive: Text;
}

/** Of the softmax over the cosines of a batch; what contrastive encoders are commonly trained with. */
const TEMPERATURE = 0.05;

/** A step, as a share of the mean squared length of the rows: gradients shrink as rows grow, so the fit does not depend on the table's scale. */
const BASE_RATE = 0.1;

/**
 * Fits the rows of a static table to pairs of texts: each anchor is to be nearer to its positive than to the others of its batch (InfoNCE, both
 * ways), by plain gradient descent. The order of pairs in an epoch depends on the seed and the number of the epoch alone, so a fit that goes on
 * from its rows after any epoch ends with the same rows, to the last bit.
 */
export class ContrastiveFit {
  readonly #source: FitSource;
  readonly #slots = new Map<number, number>();
  readonly #keys = new Map<string, number>();
  readonly #train: readonly Pair[];
  readonly #validation: readonly Pair[];
  readonly #tunedCount: number;
  readonly #rate: number;
  #rows: Float64Array;
  #epoch = 0;

  constructor(source: FitSource) {
    this.#source = source;
    const rows: Float64Array[] = [];
    this.#train = source.train.map((pair) => this.#pairOf(pair, rows));
    // What only validation has gets no gradient, and is not among the tuned rows.
    this.#tunedCount = rows.length;
    this.#validation = source.validation.map((pair) => this.#pairOf(pair, rows));
    const { dimensions, settings } = source;
    this.#rows = new Float64Array(rows.length * dimensions);
    rows.forEach((row, slot) => this.#rows.set(row, slot * dimensions));
    let square = 0;
    for (const row of rows.slice(0, this.#tunedCount)) square += dot(row, row);
    this.#rate = (BASE_RATE * settings.rateMultiplier * square) / Math.max(1, this.#tunedCount);
  }

  /** Epochs that are done. */
  get epoch(): number {
    return this.#epoch;
  }

  /** All that a fit of the same source needs to go on after this epoch. */
  get rows(): Float64Array {
    return this.#rows;
  }

  /** Goes on from the rows of a fit of the same source. */
  resume(epoch: number, rows: Float64Array): void {
    assert(rows.length === this.#rows.length, 'the rows are those of a fit of the same pairs');
    this.#epoch = epoch;
    this.#rows = rows;
  }

  runEpoch(): void {
    const order = this.#order();
    const { batchSize } = this.#source.settings;
    for (let from = 0; from < order.length; from += batchSize) this.#learn(order.slice(from, from + batchSize));
    this.#epoch += 1;
  }

  /** By the training pairs, at most `pairsMax` of them. */
  measureTraining(pairsMax: number): Measured {
    return this.#measure(this.#train.slice(0, pairsMax));
  }

  measureValidation(pairsMax: number): Measured {
    return this.#measure(this.#validation.slice(0, pairsMax));
  }

  /** The rows of the words of the training pairs. */
  *tunedRows(): Generator<readonly [id: number, row: Float64Array]> {
    for (const [id, slot] of this.#slots) if (slot < this.#tunedCount) yield [id, this.#rowAt(slot)];
  }

  #rowAt(slot: number): Float64Array {
    const { dimensions } = this.#source;
    return this.#rows.subarray(slot * dimensions, (slot + 1) * dimensions);
  }

  #pairOf({ anchor, positive }: TokenPair, rows: Float64Array[]): Pair {
    return { anchor: this.#textOf(anchor, rows), positive: this.#textOf(positive, rows) };
  }

  #textOf(ids: Int32Array, rows: Float64Array[]): Text {
    const slots: number[] = [];
    for (const id of ids) {
      const known = this.#slots.get(id);
      const row = known === undefined ? this.#source.rowOf(id) : undefined;
      if (row !== undefined) this.#slots.set(id, rows.push(row) - 1);
      const slot = this.#slots.get(id);
      if (slot !== undefined) slots.push(slot);
    }
    const name = slots.join(' ');
    const key = this.#keys.get(name) ?? this.#keys.size;
    this.#keys.set(name, key);
    return { slots: Int32Array.from(slots), key };
  }

  /** The training pairs in the order of this epoch (Fisher-Yates). */
  #order(): Pair[] {
    const order = [...this.#train];
    for (let at = order.length - 1; at > 0; at -= 1) {
      const other = Math.floor(chance(this.#source.settings.seed, this.#epoch, at) * (at + 1));
      [order[at], order[other]] = [must(order[other], 'it is within the order'), must(order[at], 'it is within the order')];
    }
    return order;
  }

  #learn(batch: readonly Pair[]): void {
    const anchors = batch.map(({ anchor }) => this.#embed(anchor));
    const positives = batch.map(({ positive }) => this.#embed(positive));
    const { gradients } = infoNce(batch, anchors, positives);
    const count = batch.length;
    batch.forEach(({ anchor, positive }, i) => {
      const toAnchor = new Float64Array(this.#source.dimensions);
      const toPositive = new Float64Array(this.#source.dimensions);
      for (let j = 0; j < count; j += 1) {
        addScaled(toAnchor, positives[j]!.unit, gradients[i * count + j]!);
        addScaled(toPositive, anchors[j]!.unit, gradients[j * count + i]!);
      }
      this.#descend(anchor, anchors[i]!, toAnchor);
      this.#descend(positive, positives[i]!, toPositive);
    });
  }

  /** One step against `gradient`, which is by the unit vector of the text, down to the rows that it is the sum of. */
  #descend({ slots }: Text, { unit, length }: Embedded, gradient: Float64Array): void {
    if (length === 0) return;
    addScaled(gradient, unit, -dot(gradient, unit));
    for (const slot of slots) addScaled(this.#rowAt(slot), gradient, -this.#rate / length);
  }

  #embed({ slots }: Text): Embedded {
    const unit = new Float64Array(this.#source.dimensions);
    for (const slot of slots) addScaled(unit, this.#rowAt(slot), 1);
    const length = Math.sqrt(dot(unit, unit));
    if (length > 0) for (let d = 0; d < unit.length; d += 1) unit[d] = unit[d]! / length;
    return { unit, length };
  }

  #measure(pairs: readonly Pair[]): Measured {
    const anchors = pairs.map(({ anchor }) => this.#embed(anchor));
    const positives = pairs.map(({ positive }) => this.#embed(positive));
    const { batchSize } = this.#source.settings;
    let loss = 0;
    for (let from = 0; from < pairs.length; from += batchSize) {
      const to = Math.min(pairs.length, from + batchSize);
      loss += infoNce(pairs.slice(from, to), anchors.slice(from, to), positives.slice(from, to)).loss * (to - from);
    }
    const found = pairs.filter(({ positive }, i) => {
      const own = dot(anchors[i]!.unit, positives[i]!.unit);
      return (
        anchors[i]!.length > 0 &&
        positives.every(({ unit }, j) => pairs[j]!.positive.key === positive.key || dot(anchors[i]!.unit, unit) < own)
      );
    });
    return { loss: loss / pairs.length, recallAt1: found.length / pairs.length };
  }
}

interface Embedded {
  readonly unit: Float64Array;
  /** Of the sum, before it was scaled. */
  readonly length: number;
}

/** The mean loss of a batch, and its gradient by the dot product of each anchor (row) with each positive (column). */
function infoNce(pairs: readonly Pair[], anchors: readonly Embedded[], positives: readonly Embedded[]) {
  const count = pairs.length;
  const logits = new Float64Array(count * count);
  for (let i = 0; i < count; i += 1) {
    for (let j = 0; j < count; j += 1) {
      // A pair with the same text on one side says nothing against this one.
      const isSame = i !== j && (pairs[i]!.positive.key === pairs[j]!.positive.key || pairs[i]!.anchor.key === pairs[j]!.anchor.key);
      logits[i * count + j] = isSame ? -Infinity : dot(anchors[i]!.unit, positives[j]!.unit) / TEMPERATURE;
    }
  }
  const gradients = new Float64Array(count * count);
  let loss = 0;
  for (let i = 0; i < count; i += 1) {
    for (const at of [(j: number) => i * count + j, (j: number) => j * count + i]) {
      // No logit is above 1 / TEMPERATURE, so none has to be subtracted from the others first.
      let sum = 0;
      for (let j = 0; j < count; j += 1) sum += Math.exp(logits[at(j)]!);
      loss += (Math.log(sum) - logits[at(i)]!) / (2 * count);
      for (let j = 0; j < count; j += 1) {
        const share = Math.exp(logits[at(j)]!) / sum - (i === j ? 1 : 0);
        gradients[at(j)] = gradients[at(j)]! + share / (2 * count * TEMPERATURE);
      }
    }
  }
  return { loss, gradients };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d += 1) sum += a[d]! * b[d]!;
  return sum;
}

function addScaled(to: Float64Array, row: Float64Array, factor: number): void {
  for (let d = 0; d < to.length; d += 1) to[d] = to[d]! + row[d]! * factor;
}
