/** Limits of the documents of an index: what is kept of them, and how they are written. */
export const DOCUMENT_STORE_LIMITS = {
  // Of one index: their object has 10 GB, and a document with its places some 20 kB.
  documentsPerIndexMaxCount: 200_000,
  // UTF-8 bytes of an id, such as a path or a URL: with the id of a chunk behind it, it fits the id of a vector (`vectorIdBytesMax`).
  documentIdBytesMax: 400,
  // Characters of a title: it is shown in lists and citations.
  documentTitleCharsMax: 512,
  // UTF-8 bytes of the metadata, which every chunk of the document carries: a thousand chunks carry 8 MB.
  documentMetadataBytesMax: 8_192,
  // Access labels of a document: a search compares each with those that its key may read.
  documentLabelsMaxCount: 32,
  // Characters of a label: they are names of groups and roles.
  documentLabelCharsMax: 64,
  // Labels by which a query narrows what it finds: the groups of one user. Shards look each up in an index of values.
  queryLabelsMaxCount: 100,
  // Searches that one page may take until it is full: each passes over at least twice as many rows of versions that are not served as the one before, so the last
  // passes over all that the closest `documentRowsAskedMaxCount` may be.
  servedSearchRoundsMaxCount: 10,
  // Bytes of a source: as many as a text of `documentCharsMax` characters of ASCII has.
  documentBytesMax: 104_857_600,
  // Chunks that are stored, embedded and written at once: some 20 ms of the object's time.
  documentSliceChunksMaxCount: 128,
  // Rows and places that are cleared at once: one slice of a deletion by ids.
  documentSliceClearedMaxCount: 1_000,
  // Rows of an index that are asked about at once, whether they are of served versions: the candidates of one retrieval.
  documentRowsAskedMaxCount: 10_000,
  // Chunks on one page of a list: with their texts below what one reply may have.
  documentChunksPageMaxCount: 200,
  // How long the work on documents goes on before others of the object's alarm have their turn.
  documentWorkMaxMs: 60_000,
  // Pause before work that was refused for now is tried again; it doubles with each try.
  documentRetryMs: 1_000,
  // The longest pause: an hour without the model or the budget costs no more than sixty tries.
  documentRetryMaxMs: 60_000,
  // Tries before a version is given up: some six hours.
  documentTriesMaxCount: 360,
  // How long the deletion of an index may take from when it is announced: its caller has gone by then.
  documentRetireMs: 120_000,
  // How often a follower of a document gets how far it is.
  documentProgressMs: 500,
  // How often in one request, whose calls are bounded: the follower comes back after some five minutes.
  documentProgressTurnsMaxCount: 600,
  // How long a call may wait for a version that is being written: below what proxies wait for an answer.
  documentWaitMaxMs: 30_000,
  // How often its object looks whether it is there.
  documentLookMs: 50,
} as const;
