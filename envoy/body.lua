-- Holds the JSON of a request against the contracts while it reads it: one pass, whose cost grows with the length of
-- the text only. Knows neither paths nor Envoy; stands behind json.lua.
--
-- A field is what stack/rest_contract.py writes of it: `json`, its name; `kind`; `is_list`, `is_map`; `of`, the message
-- or enum it holds; `verbatim`, the field that takes what was written instead.

local MOST_TOLD, MOST_COUNTED, DEEPEST = 20, 1000, 32
local NOT_EMPTIED = "must not be null; to empty it leave it out and name it in updateMask"
local EXACT = 2 ^ 53 -- Up to here a double holds every whole number.

-- Remembers what is wrong with `field`, and what could help. Beyond the first twenty they are counted, beyond a
-- thousand no more of a body is read.
local function note(found, field, description, reason, help)
  found.count = found.count + 1
  if found.count <= MOST_TOLD then
    found[found.count] =
      {field = field, description = description, reason = reason or "INVALID_FIELD", help = help or ""}
  elseif found.is_reading and found.count >= MOST_COUNTED then
    error(found, 0)
  end
end

-- ------------------------------------------------------------------------------------------------ single values
-- Each says what a value must be, or nil when it is. `raw` is the text between the quotes, or without any.

local function whole(least, most)
  return function(raw, quoted)
    local number = tonumber(raw)
    if match(raw, "^-?%d+$") == nil then
      local is_whole = not quoted and number ~= nil and math.abs(number) <= EXACT and number == math.floor(number)
      if not is_whole then return "must be a whole number" end
    end
    if number < least or number > most then return format("must be between %.0f and %.0f", least, most) end
  end
end

local function spelled(pattern, description)
  return function(raw, quoted)
    if not quoted or find(raw, pattern) == nil then return description end
  end
end

local single = {
  text = spelled("", "must be a text in quotes"),
  base64 = spelled("^[%w+/_-]*=*$", "must be a text in base64"),
  time = spelled(
    "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*[Z+-][%d:]*$", "must be a time such as 2026-01-31T12:00:00Z"
  ),
  duration = spelled("^-?%d+%.?%d*s$", "must be a duration such as 90s or 1.5s"),
  int32 = whole(-2 ^ 31, 2 ^ 31 - 1),
  uint32 = whole(0, 2 ^ 32 - 1),
  int64 = whole(-2 ^ 63, 2 ^ 63),
  uint64 = whole(0, 2 ^ 64),
  boolean = function(raw)
    if raw ~= "true" and raw ~= "false" then return "must be true or false" end
  end,
  number = function(raw)
    local number = find(raw, "^-?[%d.]+[eE]?[+-]?%d*$") and tonumber(raw)
    if not number or math.abs(number) == math.huge then return "must be a number" end
  end,
  -- Envoy minds neither the case of a name nor its underscores, and takes numbers.
  enum = function(raw, quoted, field)
    local known = field.of.names[(gsub(string.upper(raw), "[_-]", ""))]
    if not quoted then known = field.of.numbers[tonumber(raw)] end
    if not known then return "must be one of " .. field.of.choices end
  end,
}

-- What is wrong with a value of `field`, or nil.
local function judged(field, raw, quoted)
  return single[field.kind](raw, quoted, field)
end

-- ------------------------------------------------------------------------------------------------ against the contract

local function deeper(depth, at)
  if depth >= DEEPEST then not_json(at, "nested more than " .. DEEPEST .. " deep") end
  return depth + 1
end

-- Reads whatever stands at `at`, which is `name` below `prefix`; where it ends. A name that is given twice is wrong in
-- any object.
local function anything(state, at, prefix, name, depth)
  local text, char = state.text, byte(state.text, at)
  if char == QUOTE then return string_end(text, at) end
  if char ~= OPEN_BRACE and char ~= OPEN_BRACKET then return token_end(text, at) end
  local path = prefix .. shown(name)
  depth = deeper(depth, at)
  if char == OPEN_BRACKET then
    return each_item(text, at, function(position, place)
      return anything(state, place, path, "[" .. position .. "]", depth)
    end)
  end
  local seen = {}
  return each_member(text, at, function(member, _, place)
    if seen[member] then note(state.found, path .. "." .. shown(member), "is given twice") end
    seen[member] = true
    return anything(state, place, path .. ".", member, depth)
  end)
end

-- Notes what was expected, and reads on behind what stands there instead.
local function expected(state, at, prefix, name, depth, description)
  note(state.found, prefix .. name, description)
  return anything(state, at, prefix, name, depth)
end

local object

-- Reads one value of `field`, whose place below `prefix` is `name`; where it ends.
local function value(state, at, field, prefix, name, depth)
  local text, char = state.text, byte(state.text, at)
  if field.kind == "message" then
    if char == OPEN_BRACE then return object(state, at, field.of, prefix .. name .. ".", depth) end
    return expected(state, at, prefix, name, depth, "must be an object")
  end
  if field.kind == "any" then
    if char == OPEN_BRACE then return anything(state, at, prefix, name, depth) end
    return expected(state, at, prefix, name, depth, "must be an object")
  end
  if char == OPEN_BRACE or char == OPEN_BRACKET then
    return expected(state, at, prefix, name, depth, judged(field, "", false) or "must be a single value")
  end
  local quoted = char == QUOTE
  local last = quoted and string_end(text, at) or token_end(text, at)
  local raw = quoted and sub(text, at + 1, last - 1) or sub(text, at, last)
  local description = raw == "null" and not quoted and "must not be null" or judged(field, raw, quoted)
  if description then note(state.found, prefix .. name, description) end
  return last
end

local function list(state, at, field, prefix, depth)
  local name = field.json
  if byte(state.text, at) ~= OPEN_BRACKET then return expected(state, at, prefix, name, depth, "must be a list") end
  depth = deeper(depth, at)
  return each_item(state.text, at, function(position, item)
    return value(state, item, field, prefix, name .. "[" .. position .. "]", depth)
  end)
end

local function map(state, at, field, prefix, depth)
  local name, seen = field.json, {}
  if byte(state.text, at) ~= OPEN_BRACE then return expected(state, at, prefix, name, depth, "must be an object") end
  depth = deeper(depth, at)
  return each_member(state.text, at, function(key, _, item)
    local place = name .. "[" .. shown(key) .. "]"
    if seen[key] then note(state.found, prefix .. place, "is given twice") end
    seen[key] = true
    return value(state, item, field, prefix, place, depth)
  end)
end

-- Reads all that `field` holds; where it ends.
local function whole_field(state, at, field, prefix, depth)
  local _, null = find(state.text, "^null", at)
  if null then
    -- Elsewhere it is the same as nothing. Who changes a thing may mean that it shall be empty.
    if state.is_update then note(state.found, prefix .. field.json, NOT_EMPTIED) end
    return null
  end
  if field.is_list then return list(state, at, field, prefix, depth) end
  if field.is_map then return map(state, at, field, prefix, depth) end
  return value(state, at, field, prefix, field.json, depth)
end

-- Reads the object that begins at `at` against `message`; where it ends.
object = function(state, at, message, prefix, depth)
  local seen = {}
  depth = deeper(depth, at)
  return each_member(state.text, at, function(name, key, place)
    local field = message.fields[name]
    if field == nil then
      local help = "; its fields are " .. message.known
      note(state.found, prefix .. shown(name), "is no field of " .. message.name, "UNKNOWN_FIELD", help)
      return anything(state, place, prefix, name, depth)
    end
    if prefix == "" and state.in_path[name] then note(state.found, name, "is told by the path") end
    local target = field.verbatim or field
    if seen[target] then note(state.found, prefix .. field.json, "is given twice") end
    seen[target] = true
    local last = whole_field(state, place, field, prefix, depth)
    if field.verbatim and byte(state.text, place) == OPEN_BRACE then
      state.verbatim = {key = key, place = place, last = last, json = target.json}
    end
    return last
  end)
end

-- Holds the body of a request against what `operation` takes; what is wrong is noted in `found`. Returns the body to go
-- on with, or nil and why it is no JSON.
local function checked_body(text, operation, found)
  found.is_reading = true
  local state = {text = text, found = found, is_update = operation.is_update, in_path = operation.in_path}
  local ok, problem = pcall(function()
    local at = skip(text, 1)
    if byte(text, at) ~= OPEN_BRACE then not_json(at, "an object is expected") end
    local rest = skip(text, object(state, at, operation.body, operation.prefix, 0) + 1)
    if rest <= #text then not_json(rest, "nothing more is expected") end
  end)
  if problem == found then return text end
  if not ok then return nil, type(problem) == "table" and problem.not_json or error(problem, 0) end
  local kept = state.verbatim
  if kept == nil then return text end
  return sub(text, 1, kept.key - 1) .. json_text(kept.json) .. ":" .. json_text(sub(text, kept.place, kept.last))
    .. sub(text, kept.last + 1)
end
