import type { z } from 'zod';

import type { Endpoint, MultipartBody } from '../../../../src/contract/api/endpoint.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { mediaEndpoints } from '../../../../src/contract/completions/media.ts';
import { touchedBy } from '../../../../src/contract/tenancy/touched-resources.ts';
import { mayTouch } from '../../../../src/gateway/tenancy/authority.ts';
import { err } from '../../../../src/kernel/result.ts';
import type { MediaSurface } from '../../../../src/upstreams/protocol/surfaces.ts';
import { bodyOwner, BodyIntake } from '../../pipeline/body-intake.ts';
import { readFormWhole } from '../../pipeline/whole-form.ts';
import type { HandlersOf } from '../../pipeline/serve.ts';
import type { Asked } from './completions.ts';
import { answering } from './completions.ts';

type AskedForm = Omit<Asked, 'body'>;
type FormEndpoint = Endpoint & { readonly body: MultipartBody<z.core.$ZodType<Record<string, unknown>>> };

/** Of a form, whose fields and files are read here: as of JSON from then on. Its memory is held until the upstream has answered. [U265] */
const answeringForm = (surface: MediaSurface, endpoint: FormEndpoint) => async (call: AskedForm) => {
  const { gateway, principal, authority, request } = call;
  const intake = new BodyIntake(gateway.bodies, request, bodyOwner(principal));
  const letGo = authority.end?.hold();
  try {
    const read = await readFormWhole(request, intake, endpoint.body);
    if (!read.ok) return await intake.refuse(err(read.error));
    // The form may have taken its time, in which the key was revoked.
    const lease: Outcome<unknown> = await authority.lease();
    if (!lease.ok) return lease;
    const { fields, files } = read.value;
    const touched = mayTouch(principal, touchedBy(endpoint, undefined, fields));
    if (!touched.ok) return touched;
    return await answering(surface)({ ...call, body: fields, form: { files, boundary: `sluice-${crypto.randomUUID()}` } });
  } finally {
    letGo?.();
    intake.release();
  }
};

export const mediaHandlers = {
  createImage: answering('images'),
  editImage: answeringForm('image_edits', mediaEndpoints.editImage),
  varyImage: answeringForm('image_variations', mediaEndpoints.varyImage),
  createSpeech: answering('speech'),
  createTranscription: answeringForm('transcriptions', mediaEndpoints.createTranscription),
  createTranslation: answeringForm('translations', mediaEndpoints.createTranslation),
} satisfies HandlersOf<typeof mediaEndpoints>;
