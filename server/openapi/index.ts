export { openApiDocument } from './document.ts';
export { openApiRouter } from './routes.ts';
