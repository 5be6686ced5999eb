// node cut.mjs [METHOD:]PATH… <DESCRIPTION >PART: what an OpenAPI description says of reading these paths, or of another method on them, with all
// that it refers to.
// The whole of GitHub's (13 MB) would take the proxy minutes to read.
import { readFileSync } from 'node:fs'

const whole = JSON.parse(readFileSync(0))
const part = { openapi: whole.openapi, info: whole.info, paths: {}, components: {} }
// GitHub answers so everywhere; its description has the words, but does not repeat them at every path.
const everywhere = { 304: 'not_modified', 401: 'requires_authentication', 403: 'forbidden', 404: 'not_found', 410: 'gone' }

for (const argument of process.argv.slice(2)) {
  const [, method = 'get', path] = argument.match(/^(?:(\w+):)?(.*)$/)
  const operation = whole.paths[path]?.[method]
  if (!operation) throw new Error(`${argument} is not described`)
  for (const [status, name] of Object.entries(everywhere)) operation.responses[status] ??= { $ref: `#/components/responses/${name}` }
  // Where an Enterprise Server has them.
  ;(part.paths[`/api/v3${path}`] ??= {})[method] = operation
}
bring(part.paths)
for (const { schema } of Object.values(part.components.parameters)) {
  // "A number or a text, not both": in a URL every number is a text too, and none would pass.
  if (schema.oneOf) [schema.anyOf, schema.oneOf] = [schema.oneOf, undefined]
}
// Its words say that this is a range of times ("<=2026-11-24T03:00:00Z"), and its format that it is one.
delete part.components.parameters.created.schema.format
process.stdout.write(JSON.stringify(part))

function bring(node) {
  if (node === null || typeof node !== 'object') return
  const [, kind, name] = node.$ref?.match?.(/^#\/components\/(\w+)\/([^/]+)$/) ?? []
  if (name && !(name in (part.components[kind] ??= {}))) bring((part.components[kind][name] = whole.components[kind][name]))
  Object.values(node).forEach(bring)
}
