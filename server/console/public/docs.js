import { make } from './dom.js';

const about = document.getElementById('about');
const find = document.getElementById('find');

try {
  const answer = await fetch('/openapi.json');
  if (!answer.ok) throw new Error(`openapi.json answers ${answer.status}`);
  show(await answer.json());
} catch (error) {
  about.textContent = `The document cannot be read: ${error.message}`;
}

function show(api) {
  about.textContent = `${api.info.description} Paths follow ${api.servers[0].url}, with Basic authentication.`;
  const entries = [];
  for (const { name } of api.tags) {
    const section = make('section', {}, make('h2', { textContent: name }));
    for (const [path, item] of Object.entries(api.paths))
      for (const [method, operation] of Object.entries(item)) {
        if (method === 'parameters' || operation.tags[0] !== name) continue;
        const element = operationView(api, path, method, item.parameters ?? [], operation);
        entries.push({ element, text: `${element.textContent}`.toLowerCase() });
        section.append(element);
      }
    document.getElementById('operations').append(section);
  }
  find.addEventListener('input', () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { element, text } of entries) element.hidden = !words.every((word) => text.includes(word));
  });
}

function operationView(api, path, method, pathParameters, operation) {
  const details = make(
    'details',
    { id: operation.operationId },
    make(
      'summary',
      {},
      make('span', { className: 'method', textContent: method.toUpperCase() }),
      make('code', { textContent: path }),
      ' ',
      make('span', { className: 'does', textContent: operation.summary }),
      operation['x-extension'] ? make('em', { textContent: ' (extension)' }) : '',
    ),
  );
  const parameters = [...pathParameters, ...(operation.parameters ?? [])];
  if (parameters.length > 0)
    details.append(
      table(
        'Parameters',
        parameters.map((each) => row(each.name, each.schema, each.required, each.description)),
      ),
    );
  const body = operation.requestBody?.content['application/json'].schema;
  if (body) details.append(fieldsOf('Body', resolve(api, body)));
  for (const [status, response] of Object.entries(operation.responses)) {
    const told = resolve(api, response);
    const schema = told.content?.['application/json'].schema;
    const title = `${status === 'default' ? 'Otherwise' : status}: ${told.description}`;
    details.append(schema ? fieldsOf(title, resolve(api, schema)) : make('p', { textContent: title }));
  }
  return details;
}

function fieldsOf(title, schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) =>
    row(name, field, schema.required?.includes(name), field.description),
  );
  return table(title, rows);
}

function table(title, rows) {
  return make('table', { className: 'fields' }, make('caption', { textContent: title }), make('tbody', {}, ...rows));
}

function row(name, schema, required, description = '') {
  const fallback = schema.default === undefined ? '' : `default ${schema.default}`;
  return make(
    'tr',
    {},
    make('th', { scope: 'row' }, make('code', { textContent: name })),
    make('td', { textContent: [typeOf(schema), required ? 'required' : '', fallback].filter(Boolean).join(', ') }),
    make('td', { textContent: description }),
  );
}

function typeOf(schema) {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.enum) return schema.enum.join(', ');
  if (schema.const !== undefined) return `“${schema.const}”`;
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  const range = schema.minimum === undefined ? '' : ` ${schema.minimum} to ${schema.maximum ?? '…'}`;
  return `${schema.format ?? schema.type ?? 'anything'}${range}`;
}

function resolve(api, value) {
  if (!value.$ref) return value;
  return value.$ref
    .slice(2)
    .split('/')
    .reduce((at, key) => at[key], api);
}
