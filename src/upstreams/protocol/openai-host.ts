/** The addresses of OpenAI itself, and of Azure's copies of its models. */
export const OPENAI_HOST = /^https:\/\/([\w-]+\.)*(openai\.com|openai\.azure\.com)(\/|$)/;
