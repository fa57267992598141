import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { METRICS } from '../../../server/metrics/table.ts';
import { SETTINGS } from '../../../server/settings.ts';

const OBSERVABILITY = 'docs/observability';
const read = (path: string) => readFileSync(path, 'utf8');

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>> | readonly string[];
  readonly image?: string;
}

const compose = parse(read('docker-compose.yml')) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};

/** The Dockerfile's lines, joined where they go on, without comments. */
const dockerfile = read('Dockerfile')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line.trim() !== '' && !line.startsWith('#'));
const finalStage = dockerfile.slice(dockerfile.findLastIndex((line) => line.startsWith('FROM ')));

test('docker compose runs the server, Prometheus and Grafana, all pinned and on loopback by default', () => {
  assert.deepEqual(Object.keys(compose.services), ['partyline', 'prometheus', 'grafana']);
  for (const [name, { image, ports = [] }] of Object.entries(compose.services)) {
    if (name !== 'partyline') assert.match(image ?? '', /:v?\d+\.\d+\.\d+$/);
    for (const port of ports) assert.match(port, /^(127\.0\.0\.1|\$\{BIND:-127\.0\.0\.1\}):/);
  }
});

test('everything that docker compose mounts or depends on exists', () => {
  for (const { volumes = [], depends_on: needed = [] } of Object.values(compose.services)) {
    for (const volume of volumes) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) assert.ok(existsSync(source), source);
      else assert.ok(source in compose.volumes, source);
    }
    for (const service of Array.isArray(needed) ? needed : Object.keys(needed)) assert.ok(service in compose.services);
  }
});

test('every setting that the containers get is one of ours', () => {
  const given = Object.keys(compose.services.partyline?.environment ?? {});
  const [, ...fixed] = finalStage.find((line) => line.startsWith('ENV '))?.split(' ') ?? [];
  const names = [...given, ...fixed.map((pair) => pair.split('=')[0] ?? '')].filter((name) => name !== 'NODE_ENV');
  assert.ok(names.length > 5);
  for (const name of names) assert.ok(name in SETTINGS, name);
});

test('Prometheus scrapes the server by its name, and Grafana asks Prometheus by its own', () => {
  const prometheus = parse(read(`${OBSERVABILITY}/prometheus.yml`));
  assert.deepEqual(prometheus.scrape_configs[0].static_configs, [{ targets: ['partyline:8080'] }]);
  assert.equal(prometheus.scrape_configs[0].job_name, 'partyline');
  const { datasources } = parse(read(`${OBSERVABILITY}/grafana/provisioning/datasources/prometheus.yml`));
  assert.deepEqual([datasources[0].uid, datasources[0].url], ['prometheus', 'http://prometheus:9090']);
  const { providers } = parse(read(`${OBSERVABILITY}/grafana/provisioning/dashboards/partyline.yml`));
  const mount = compose.services.grafana?.volumes?.find((volume) => volume.includes('grafana/dashboards'));
  assert.equal(mount?.split(':')[1], providers[0].options.path);
});

test('the dashboard asks our Prometheus, only for metrics that exist, and has what an operator looks for', () => {
  const dashboard = JSON.parse(read(`${OBSERVABILITY}/grafana/dashboards/partyline.json`));
  const expressions: string[] = [];
  const ids = new Set<number>();
  for (const panel of dashboard.panels) {
    ids.add(panel.id);
    for (const target of panel.targets ?? []) {
      assert.deepEqual(target.datasource, { type: 'prometheus', uid: 'prometheus' });
      expressions.push(target.expr);
    }
  }
  assert.equal(ids.size, dashboard.panels.length, 'panel ids are unique');
  expressions.push(read(`${OBSERVABILITY}/alerts.yml`));
  for (const [name] of expressions.join(' ').matchAll(/partyline_\w+/g)) {
    const base = name.replace(/_(bucket|count|sum)$/, '');
    assert.ok(name in METRICS || base in METRICS, name);
  }
  const titles: string[] = dashboard.panels.map((panel: { title: string }) => panel.title);
  for (const title of ['Conferences and members', 'Plays by result', 'Play start', 'Tick lateness', 'RTP loss', 'CPU'])
    assert.ok(titles.includes(title), title);
  const start = dashboard.panels.find((panel: { title: string }) => panel.title === 'Play start');
  assert.deepEqual(
    start.targets.map((target: { legendFormat: string }) => target.legendFormat),
    ['p50', 'p95', 'p99'],
  );
});

test('the image runs as an ordinary user, checks its health and is built on a pinned Node', () => {
  for (const line of dockerfile.filter((from) => from.startsWith('FROM ')))
    assert.match(line, /^FROM node:20-bookworm-slim( AS \w+)?$/);
  const user = finalStage.indexOf('USER node');
  const command = finalStage.findIndex((line) => line.startsWith('CMD '));
  assert.ok(user > 0 && command > user);
  const health = finalStage.find((line) => line.startsWith('HEALTHCHECK ')) ?? '';
  const [, json = ''] = /CMD (\[.*\])$/.exec(health) ?? [];
  const [program, flag, script] = JSON.parse(json) as string[];
  assert.deepEqual([program, flag], ['node', '-e']);
  assert.match(script ?? '', /\/healthz/);
  assert.doesNotThrow(() => new Function(script ?? 'syntax error('));
});

test('what the image copies exists, and its dependencies are those of production', () => {
  for (const line of dockerfile.filter((copy) => copy.startsWith('COPY ') && !copy.includes('--from=')))
    for (const source of line.split(/\s+/).slice(1, -1)) assert.ok(existsSync(source), source);
  assert.ok(dockerfile.some((line) => line.includes('npm ci --omit=dev')));
  const { dependencies, optionalDependencies } = JSON.parse(read('package.json'));
  const installed = { ...dependencies, ...optionalDependencies };
  for (const path of sources('server').concat(sources('media')))
    for (const [, name = ''] of read(path).matchAll(
      /^(?:import|export|\}) (?!type )(?:[^'\n]* from )?'([^'.][^']*)';$/gm,
    )) {
      const packageName = name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/');
      assert.ok(isBuiltin(name) || packageName in installed, `${path} imports ${name}`);
    }
});

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

test('every page under docs that another page links to exists', () => {
  const pages = readdirSync('docs', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
  for (const page of pages)
    for (const [, target = ''] of read(join('docs', page)).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g))
      assert.ok(existsSync(join('docs', dirname(page), target)), `${page} links to ${target}`);
});

test('every script of package.json runs a file that is there', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const files = Object.values(scripts).flatMap((script) => script.match(/\S+\.ts\b/g) ?? []);
  assert.ok(files.length >= 5);
  for (const file of files) assert.ok(existsSync(file), file);
});
