export { type AppXmlDeps, fetchAppXml } from './fetch.ts';
export { parseResponse } from './response.ts';
export type { ResponseRead, Verb } from './verbs.ts';
