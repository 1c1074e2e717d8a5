/** Remembers how to undo what is changed during a trial. Costs nothing while no trial is open. */
export class UndoLog {
  readonly #undos: (() => void)[] = [];
  #open = 0;
  #kept = 0;

  get isOpen(): boolean {
    return this.#open > 0;
  }

  /** Grows with every change that no trial undoes: what was worked out since it last grew still holds. */
  get kept(): number {
    return this.#kept;
  }

  /** Notes how a change just made is undone. Ask `isOpen` first where making the closure costs. */
  note(undo: () => void): void {
    if (this.#open > 0) this.#undos.push(undo);
    else this.#kept += 1;
  }

  /** Runs `attempt` and undoes all it changed. */
  trial<T>(attempt: () => T): T {
    return this.#run(attempt, () => false);
  }

  /** Runs `attempt` and undoes all it changed unless it answers something. */
  allOrNothing<T>(attempt: () => T | undefined): T | undefined {
    return this.#run(attempt, (answer) => answer !== undefined);
  }

  #run<T>(attempt: () => T, keeps: (answer: T) => boolean): T {
    const mark = this.#undos.length;
    let kept = false;
    this.#open += 1;
    try {
      const answer = attempt();
      kept = keeps(answer);
      return answer;
    } finally {
      if (!kept) while (this.#undos.length > mark) this.#undos.pop()?.();
      this.#open -= 1;
      if (this.#open === 0) this.#undos.length = 0;
    }
  }
}
