/** Members of the metadata of rows that hold chunks of documents: `{id, chunk}`, which one it is, and the labels that a reader needs one of. Callers set no members that begin so. */
export const DOCUMENT_MEMBER = '$document';
export const LABELS_MEMBER = '$labels';
