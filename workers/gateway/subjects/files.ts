import { ANTHROPIC_VERSION_HEADER } from '../../../src/contract/api/anthropic-version.ts';
import { refusal } from '../../../src/contract/api/errors.ts';
import { fileEndpoints } from '../../../src/contract/files/files.ts';
import { uploadEndpoints } from '../../../src/contract/files/uploads.ts';
import { composeControl } from '../compose-control.ts';
import { HttpError } from '../pipeline/http-error.ts';
import { fileHandlers } from '../routes/files/files.ts';
import { uploadHandlers } from '../routes/files/uploads.ts';
import { subjectApp } from '../subject-app.ts';

/** [G129] Files of the same path in another API: their ids would mean nothing to Anthropic, and ours have a purpose, which its clients do not send. */
const notAnthropics = ({ headers }: Request): HttpError | undefined =>
  headers.has(ANTHROPIC_VERSION_HEADER)
    ? new HttpError(refusal('not_offered', "Anthropic's files are not offered: send images and documents in the message, by base64"))
    : undefined;

export const { routes, app } = subjectApp(
  composeControl,
  { ...fileEndpoints, ...uploadEndpoints },
  { ...fileHandlers, ...uploadHandlers },
  [],
  notAnthropics,
);
