import { fileEndpoints } from '../../../src/contract/files.ts';
import { uploadEndpoints } from '../../../src/contract/uploads.ts';
import { composeControl } from '../compose-control.ts';
import { fileHandlers } from '../routes/files.ts';
import { uploadHandlers } from '../routes/uploads.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(composeControl, { ...fileEndpoints, ...uploadEndpoints }, { ...fileHandlers, ...uploadHandlers });
