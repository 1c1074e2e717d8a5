// What Qdrant's API takes in more than one form, as the document describes it.

/** What has no name, or an empty one: generators of clients can make no property of an empty name. */
export const underNoName = (schema: Record<string, unknown>) => ({
  type: 'object' as const,
  propertyNames: { enum: [''] },
  minProperties: 1,
  additionalProperties: schema,
});

/** An `override` of a schema of what may be null, which its reader takes for absence. */
export const orNull = ({ jsonSchema }: { jsonSchema: object }): void => {
  const described = { ...jsonSchema };
  for (const name of Object.keys(jsonSchema)) delete (jsonSchema as Record<string, unknown>)[name];
  Object.assign(jsonSchema, { anyOf: [described, { type: 'null' }] });
};
