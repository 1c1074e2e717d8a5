/** What works with parts that it is given when an isolate is composed. */
export abstract class Composed<Parts> {
  protected readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
  }
}
