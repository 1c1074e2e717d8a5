import { must } from '../../kernel/assert.ts';
import { intact } from '../lists/integrity.ts';
import type { Centroid, ListModel } from '../lists/list-model.ts';
import { decodeListModel } from '../lists/list-model.ts';
import type { StoredListSet, ListStore, StoredList } from '../store/list-store.ts';
import type { PostingLists } from '../lists/posting-lists.ts';
import type { ListSettings } from './list-settings.ts';
import { decodeSettings, encodeSettings } from './list-settings.ts';

type StoredLists = Pick<ListStore, 'lists' | 'setSettings'>;

/**
 * A list set whose directory is in memory, with those of its lists that were needed. A caller that changes it also changes its storage.
 * Constructing one throws `CorruptList`, and leaves no memory taken.
 */
export class ListSet {
  readonly id: number;
  readonly model: ListModel;
  readonly lists: PostingLists;
  readonly #store: StoredLists;
  readonly #centroids = new Map<number, Centroid>();
  #settings: ListSettings;
  #centroidsVersion = 0;

  constructor({ id, model, settings }: StoredListSet, store: StoredLists, emptyLists: (model: ListModel) => PostingLists) {
    this.id = id;
    this.model = decodeListModel(model);
    this.#store = store;
    this.#settings = decodeSettings(settings);
    this.lists = emptyLists(this.model);
    try {
      this.#load();
    } catch (defect) {
      this.lists.free();
      throw defect;
    }
  }

  get settings(): ListSettings {
    return this.#settings;
  }

  /** Its lists with their centroids. */
  get centroids(): ReadonlyMap<number, Centroid> {
    return this.#centroids;
  }

  /** A number that no list has. */
  get nextList(): number {
    let next = 0;
    for (const list of this.#centroids.keys()) next = Math.max(next, list + 1);
    return next;
  }

  /** Rises with every change of `centroids`. */
  get centroidsVersion(): number {
    return this.#centroidsVersion;
  }

  /** Entries of all lists, dead ones included. */
  get entryCount(): number {
    let count = 0;
    for (const list of this.#centroids.keys()) count += this.lists.entryCount(list);
    return count;
  }

  storedList(list: number): StoredList {
    const centroid = must(this.#centroids.get(list), `list ${list} is there`);
    return { list, centroid, entryCount: this.lists.entryCount(list) };
  }

  /** Adds an empty list, or empties one and moves its centroid. */
  putEmpty(list: number, centroid: Centroid): void {
    if (this.#centroids.has(list)) this.lists.removeList(list);
    this.lists.putList(list, centroid, 0);
    this.#centroids.set(list, centroid);
    this.#centroidsVersion += 1;
  }

  remove(list: number): void {
    this.lists.removeList(list);
    this.#centroids.delete(list);
    this.#centroidsVersion += 1;
  }

  /** Remembers some settings, also beyond this isolate. */
  set(settings: Partial<ListSettings>): void {
    const next = { ...this.#settings, ...settings };
    this.#store.setSettings(this.id, encodeSettings(next));
    this.#settings = next;
  }

  #load(): void {
    for (const { list, centroid, entryCount } of this.#store.lists(this.id)) {
      const { codes, scale } = centroid;
      intact(codes.length === this.model.dimensions && scale >= 0 && scale < Infinity, 'a centroid is a vector of its index');
      this.lists.putList(list, centroid, entryCount);
      this.#centroids.set(list, centroid);
    }
  }
}
