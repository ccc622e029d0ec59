-- What callers send by REST is held against the contracts before it is transcoded: the path, the verb, the query, the
-- body. Envoy's transcoder drops, guesses or takes twice what this refuses (ADR 40). Native gRPC passes untouched.

local NAMESPACE = "csms.rest"
local DETAIL = "type.googleapis.com/google.rpc."

-- ------------------------------------------------------------------------------------------------ the contracts

-- Fields by both of their spellings, with what they name in its place.
local function named(fields, types)
  local by_name = {}
  for _, field in ipairs(fields) do
    field.of = types[field.of]
    by_name[field.name], by_name[field.json] = field, field
  end
  for _, field in ipairs(fields) do field.verbatim = by_name[field.verbatim] end
  return by_name
end

local function resolve(node, types)
  for _, operation in pairs(node.operations or {}) do
    operation.query, operation.body = named(operation.query, types), types[operation.body]
  end
  for _, child in pairs(node.literals or {}) do resolve(child, types) end
  if node.variable then resolve(node.variable, types) end
end

local paths

-- The templates of all paths. Read when they are first needed: each thread of each port has this script for itself.
local function known_paths()
  if paths then return paths end
  local contract = loadstring(CONTRACT)()
  for _, kind in pairs(contract.types) do
    if kind.fields then kind.fields = named(kind.fields, contract.types) end
    local numbers = {}
    for _, number in ipairs(kind.numbers or {}) do numbers[number] = true end
    kind.numbers = numbers
  end
  resolve(contract.paths, contract.types)
  paths = contract.paths
  return paths
end

-- ------------------------------------------------------------------------------------------------ refusals

local function violations_json(found)
  local entries = {}
  for _, violation in ipairs(found) do
    local description = json_text(violation.description .. violation.help)
    table.insert(entries, format('{"field":%s,"description":%s}', json_text(violation.field), description))
  end
  return table.concat(entries, ",")
end

-- In words: the first few things that are wrong.
local function summary(found)
  local parts = {}
  for index = 1, math.min(3, #found) do
    table.insert(parts, found[index].field .. ": " .. found[index].description)
  end
  if found.count > #parts then table.insert(parts, format("and %d more", found.count - #parts)) end
  return table.concat(parts, "; ")
end

-- Answers for the services. Dynamic metadata tells Envoy to leave the answer as it is.
local function answer(handle, status, headers, body)
  handle:streamInfo():dynamicMetadata():set(NAMESPACE, "refused", true)
  headers[":status"] = status
  if body ~= "" then headers["content-type"] = "application/json" end
  handle:respond(headers, body)
end

local function error_info(reason, metadata)
  return format('{"@type":"%sErrorInfo","reason":"%s","domain":"csms","metadata":{%s}}', DETAIL, reason, metadata or "")
end

local function refuse(handle, status, code, message, details, headers)
  local body = format('{"code":%d,"message":%s,"details":[%s]}', code, json_text(message), details)
  answer(handle, status, headers or {}, body)
end

local function refuse_fields(handle, found)
  local count = found.count > #found and format('"violationCount":"%d"', found.count) or ""
  local bad = format('{"@type":"%sBadRequest","fieldViolations":[%s]}', DETAIL, violations_json(found))
  refuse(handle, "400", 3, summary(found), error_info(found[1].reason, count) .. "," .. bad)
end

-- ------------------------------------------------------------------------------------------------ the path

-- Appends the operations of every template that fits, those first that Envoy would take first.
local function add_matching(node, segments, at, found)
  if at > #segments then
    if node.operations then table.insert(found, node.operations) end
    return found
  end
  local literal = node.literals and node.literals[segments[at]]
  if literal then add_matching(literal, segments, at + 1, found) end
  if node.variable then add_matching(node.variable, segments, at + 1, found) end
  return found
end

-- Verb to operation, of those that this port serves; and whether any port does. A path in full words belongs to its own
-- template: PUT /stations/status is no change of a station of that name.
local function operations_at(path, packages)
  local segments, by_verb = {}, {}
  for segment in string.gmatch(path, "[^/]+") do table.insert(segments, segment) end
  local operations = add_matching(known_paths(), segments, 1, {})[1]
  for verb, operation in pairs(operations or {}) do
    local is_served = packages == nil or find(packages, operation.package, 1, true) ~= nil
    if is_served then by_verb[verb] = operation end
  end
  return by_verb, operations ~= nil
end

local function allowed(by_verb)
  local verbs = {}
  for verb in pairs(by_verb) do table.insert(verbs, verb) end
  if by_verb.GET then table.insert(verbs, "HEAD") end
  table.insert(verbs, "OPTIONS")
  table.sort(verbs)
  return table.concat(verbs, ", ")
end

-- ------------------------------------------------------------------------------------------------ the query

local function decoded(text)
  return (gsub(gsub(text, "%+", " "), "%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function check_query(query, operation, found)
  local seen = {}
  for parameter in string.gmatch(query, "[^&]+") do
    local name, raw = match(parameter, "^([^=]*)=?(.*)$")
    name = decoded(name)
    local field = operation.query[name]
    if operation.in_path[name] then
      note(found, shown(name), "is told by the path, not by the query")
    elseif field == nil then
      note(found, shown(name), "is no query parameter here", "UNKNOWN_FIELD")
    elseif seen[field] and not field.is_list then
      note(found, field.json, "is given twice")
    else
      seen[field] = true
      local content = decoded(raw)
      local is_text = field.kind ~= "enum" or find(content, "^%d+$") == nil
      local description = judged(field, content, is_text)
      if description then note(found, field.json, description) end
    end
  end
end

-- ------------------------------------------------------------------------------------------------ the request

-- Checks the body and puts in its place what shall be transcoded. Returns why it is no JSON, if it is none.
local function check_body(handle, operation, found)
  local body = handle:body()
  local text = body and body:getBytes(0, body:length()) or ""
  if find(text, "%S") == nil then return nil end
  if operation.body == nil then
    if find(text, "^%s*{%s*}%s*$") == nil then note(found, "body", "is not taken here") end
    return nil
  end
  local taken, problem = checked_body(text, operation, found)
  if taken ~= nil and taken ~= text then body:setBytes(taken) end
  return problem
end

local function served_packages(handle)
  return (handle:metadata():get("packages"))
end

local function on_request(handle)
  local headers = handle:headers()
  local path, query = match(headers:get(":path") or "", "^([^?]*)%??(.*)$")
  if find(path, "^/csms%.") or find(path, "^/grpc%.") then return end
  local verb, by_verb, is_known = headers:get(":method"), operations_at(path, served_packages(handle))
  if next(by_verb) == nil then
    if is_known then return end -- By its route.
    return refuse(handle, "404", 5, "there is no path " .. shown(path) .. " here", error_info("PATH_NOT_FOUND"))
  end
  if verb == "OPTIONS" then return answer(handle, "204", {allow = allowed(by_verb)}, "") end
  if verb == "HEAD" and by_verb.GET then
    -- Asked for like GET; the way back takes the body away. Who streams would never come to an end, and is told.
    handle:streamInfo():dynamicMetadata():set(NAMESPACE, "verb", "HEAD")
    headers:replace(":method", "GET")
    if by_verb.GET.is_stream then headers:add("x-csms-head", "1") end
    verb = "GET"
  end
  local operation = by_verb[verb]
  if operation == nil then
    local verbs = allowed(by_verb)
    local message = format("%s is not possible here; possible are %s", shown(verb), verbs)
    return refuse(handle, "405", 12, message, error_info("METHOD_NOT_ALLOWED"), {allow = verbs})
  end
  local found = {count = 0}
  check_query(query, operation, found)
  local problem = check_body(handle, operation, found)
  if problem then
    return refuse(handle, "400", 3, "the body is not JSON: " .. problem, error_info("UNREADABLE_REQUEST"))
  end
  if found.count > 0 then refuse_fields(handle, found) end
end

-- Envoy lets a request through when a script fails; what was not checked shall not pass.
function envoy_on_request(handle)
  local ok, problem = pcall(on_request, handle)
  if ok then return end
  handle:logErr("a REST request could not be checked: " .. tostring(problem))
  refuse(handle, "500", 13, "internal error", error_info("INTERNAL"))
end

-- Takes the body of an answer to HEAD away, but not what is said of it.
function envoy_on_response(handle)
  local noted = handle:streamInfo():dynamicMetadata():get(NAMESPACE)
  if noted == nil or noted.verb ~= "HEAD" or noted.refused then return end
  local body = handle:body(true)
  local length = body:length()
  if length == 0 then return end
  body:setBytes("")
  handle:headers():replace("content-length", tostring(length))
end
