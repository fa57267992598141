export { Apps, type AppsDeps } from './apps.ts';
export { callFields, statusOf } from './call-fields.ts';
export { type AppXmlDeps, fetchAppXml } from './fetch.ts';
export { parseResponse } from './response.ts';
export type { ResponseRead, Verb } from './verbs.ts';
