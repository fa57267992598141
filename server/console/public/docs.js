import { make } from './dom.js';

const about = document.getElementById('about');
const find = document.getElementById('find');
const found = document.getElementById('found');
const KINDS = { string: 'text', integer: 'whole number', boolean: 'true or false', array: 'list', uri: 'URL' };

try {
  const answer = await fetch('/openapi.json');
  if (!answer.ok) throw new Error(`openapi.json answers ${answer.status}`);
  show(await answer.json());
} catch (error) {
  about.textContent = `The document cannot be read: ${error.message}`;
}

function show(api) {
  about.textContent = `${api.info.description} Paths follow ${api.servers[0].url}, with Basic authentication.`;
  const sections = api.tags.map(({ name }) => {
    const entries = Object.entries(api.paths).flatMap(([path, item]) =>
      Object.entries(item)
        .filter(([method, operation]) => method !== 'parameters' && operation.tags[0] === name)
        .map(([method, operation]) => operationView(api, path, method, item.parameters ?? [], operation)),
    );
    const element = make('section', {}, make('h2', { textContent: name }), ...entries.map((entry) => entry.element));
    return { element, entries };
  });
  document.getElementById('operations').append(...sections.map(({ element }) => element));
  const narrow = () => narrowTo(sections, find.value.toLowerCase().split(/\s+/).filter(Boolean));
  find.addEventListener('input', narrow);
  narrow();
  openNamed();
  addEventListener('hashchange', openNamed);
}

function narrowTo(sections, words) {
  let shown = 0;
  let all = 0;
  for (const { element, entries } of sections) {
    for (const entry of entries) entry.element.hidden = !words.every((word) => entry.text.includes(word));
    const left = entries.filter((entry) => !entry.element.hidden).length;
    element.hidden = left === 0;
    shown += left;
    all += entries.length;
  }
  if (shown === 0) found.textContent = 'Nothing has all of these words';
  else found.textContent = shown === all ? `${all} operations` : `${shown} of ${all} operations`;
}

/** Opens what the address names, so that an operation can be linked to. */
function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named?.localName !== 'details') return;
  named.open = true;
  named.scrollIntoView();
}

function operationView(api, path, method, pathParameters, operation) {
  const title = make(
    'summary',
    {},
    make('span', { className: `method ${method}`, textContent: method.toUpperCase() }),
    ' ',
    make('code', {}, ...path.split(/(?<=\/)/).flatMap((part) => [part, make('wbr')])),
    ' ',
    make(
      'span',
      { className: 'does' },
      operation.summary,
      operation['x-extension'] ? make('em', { textContent: ' (extension)' }) : '',
    ),
  );
  const element = make('details', { id: operation.operationId }, title);
  element.addEventListener('toggle', () => {
    if (element.open) history.replaceState(null, '', `#${element.id}`);
  });
  const parameters = [...pathParameters, ...(operation.parameters ?? [])];
  if (parameters.length > 0)
    element.append(
      table(
        'Parameters',
        parameters.map((each) => row(each.name, each.schema, each.required ? 'required' : '', each.description)),
      ),
    );
  const body = operation.requestBody?.content['application/json'];
  if (body) element.append(...bodyView(resolve(api, body.schema), body.example));
  for (const [status, response] of Object.entries(operation.responses)) {
    const told = resolve(api, response);
    const caption = `${status === 'default' ? 'Otherwise' : status}: ${told.description}`;
    element.append(...answerViews(api, caption, told.content?.['application/json'].schema));
  }
  return { element, text: element.textContent.toLowerCase() };
}

function bodyView(schema, example) {
  const sets = (schema.anyOf ?? []).map(({ required }) => required.join(' and '));
  const needs = sets.length === 0 ? '' : `: needs ${sets.join(', or ')}`;
  return [
    table(
      `Body${needs}`,
      rowsOf(schema, '', (isRequired) => (isRequired ? 'required' : '')),
    ),
    make('pre', { textContent: JSON.stringify(example, null, 2) }),
  ];
}

/** One table, or one for each form that the answer may have. */
function answerViews(api, caption, schema) {
  if (!schema) return [make('p', { className: 'caption', textContent: caption })];
  const whole = resolve(api, schema);
  const forms = whole.anyOf ?? [whole];
  return forms.map((form, index) =>
    table(
      index === 0 ? caption : 'or',
      rowsOf(form, '', (isRequired) => (isRequired ? '' : 'may be missing')),
    ),
  );
}

/** The fields of an object, each followed by those inside it. */
function rowsOf(schema, prefix, noteOf) {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const forms = field.anyOf ?? [field];
    const inside = forms.flatMap((form) => [
      ...rowsOf(form, `${prefix}${name}.`, () => ''),
      ...rowsOf(form.items ?? {}, `${prefix}${name}[].`, () => ''),
    ]);
    return [row(prefix + name, field, noteOf(schema.required?.includes(name)), field.description), ...inside];
  });
}

function table(caption, rows) {
  return make('table', { className: 'fields' }, make('caption', { textContent: caption }), make('tbody', {}, ...rows));
}

function row(name, schema, note, description = '') {
  const fallback = schema.default === undefined ? '' : `default ${schema.default}`;
  return make(
    'tr',
    {},
    make('th', { scope: 'row' }, make('code', { textContent: name })),
    make('td', { className: 'kind', textContent: [typeOf(schema), note, fallback].filter(Boolean).join('; ') }),
    make('td', { textContent: description }),
  );
}

function typeOf(schema) {
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(', or ');
  if (schema.enum) return schema.enum.join(', ');
  if (schema.const !== undefined) return `“${schema.const}”`;
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  const kinds = [schema.format ?? schema.type ?? 'anything'].flat().map((kind) => KINDS[kind] ?? kind);
  return kinds.join(' or ') + rangeOf(schema);
}

function rangeOf({ minimum, maximum, maxLength }) {
  if (maxLength !== undefined) return `, at most ${maxLength} characters`;
  if (minimum === undefined) return '';
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
    ? ` from ${minimum}`
    : ` ${minimum} to ${maximum}`;
}

function resolve(api, value) {
  if (!value.$ref) return value;
  return value.$ref
    .slice(2)
    .split('/')
    .reduce((at, key) => at[key], api);
}
