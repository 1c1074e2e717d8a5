/** How long work may be, in units of the work itself: the clocks of Workers stand still while they compute. */
export interface WorkBounds {
  /** Of one step: between two of them others have their turn. */
  readonly stepUnitsMax: number;
  /** Of all steps together. */
  readonly unitsMax: number;
}

/** Work that stops after every few milliseconds, so that others can have their turn. */
export type Steps<T> = Generator<undefined, T>;

/** All steps, one after another. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Lets others have their turn, after a step of so many units. */
export type Turn = (stepUnits: number) => Promise<void>;

/**
 * Work whose length a tenant chooses, cut into steps. The code that does it counts its units by `spend`, gives others their turn when that says
 * so, and stops once `isExhausted`. [SW10]
 */
export class SteppedWork {
  readonly #bounds: WorkBounds;
  readonly #turn: Turn;
  #units = 0;
  #stepUnits = 0;

  constructor(bounds: WorkBounds, turn: Turn) {
    this.#bounds = bounds;
    this.#turn = turn;
  }

  /** Done so far. */
  get units(): number {
    return this.#units;
  }

  /** More was done than may be: what it would have come to is not known. */
  get isExhausted(): boolean {
    return this.#units > this.#bounds.unitsMax;
  }

  /** Counts units that were done, or are about to be. True: `turn` is due. */
  spend(units: number): boolean {
    this.#units += units;
    return this.pass(units);
  }

  /** The same of units that do not count with all others, as something else bounds them. */
  pass(units: number): boolean {
    this.#stepUnits += units;
    return this.#stepUnits >= this.#bounds.stepUnitsMax || this.isExhausted;
  }

  /** Its caller has gone: it is exhausted. */
  stop(): void {
    this.#units = Infinity;
  }

  /** Ends the step. False: there must not be another one. */
  async turn(): Promise<boolean> {
    if (this.isExhausted) return false;
    const stepUnits = this.#stepUnits;
    this.#stepUnits = 0;
    await this.#turn(stepUnits);
    return true;
  }

  /** Does work that yields whenever `spend` has said that a turn is due. Undefined: it was exhausted. */
  async run<T>(parts: Steps<T>): Promise<T | undefined> {
    for (let part = parts.next(); ; part = parts.next()) {
      if (part.done === true) return part.value;
      if (!(await this.turn())) return undefined;
    }
  }
}
