import { fileEndpoints } from '../../../src/contract/files/files.ts';
import { uploadEndpoints } from '../../../src/contract/files/uploads.ts';
import { composeControl } from '../compose-control.ts';
import { fileHandlers } from '../routes/files/files.ts';
import { uploadHandlers } from '../routes/files/uploads.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(composeControl, { ...fileEndpoints, ...uploadEndpoints }, { ...fileHandlers, ...uploadHandlers });
