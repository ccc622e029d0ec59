-- JSON as RFC 8259 has it: where its parts end, and how texts are shown. Knows nothing of contracts.

local byte, find, format, gsub = string.byte, string.find, string.format, string.gsub
local match, sub = string.match, string.sub

local MOST_SHOWN = 60
local QUOTE, COMMA, COLON, BACKSLASH = byte('",:\\', 1, 4)
local OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE = byte("[]{}", 1, 4)

-- Characters as UTF-8 writes them (RFC 3629).
local CHARACTERS = {
  "^[\1-\127]+",
  "^[\194-\223][\128-\191]",
  "^\224[\160-\191][\128-\191]",
  "^[\225-\236\238\239][\128-\191][\128-\191]",
  "^\237[\128-\159][\128-\191]",
  "^\240[\144-\191][\128-\191][\128-\191]",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]",
  "^\244[\128-\143][\128-\191][\128-\191]",
}

-- The beginning of what a caller wrote, fit to be shown to him.
local function shown(text)
  text = sub(text, 1, MOST_SHOWN)
  if not find(text, "[%z\128-\255]") then return text end
  local parts, at = {}, 1
  while at <= #text do
    local last
    for _, character in ipairs(CHARACTERS) do
      if not last then _, last = find(text, character, at) end
    end
    table.insert(parts, last and sub(text, at, last) or "?")
    at = (last or at) + 1
  end
  return table.concat(parts)
end

local escapes = {['"'] = '\\"', ["\\"] = "\\\\"}

-- `text` as a JSON string.
local function json_text(text)
  return '"' .. gsub(text, '[%c"\\]', function(char)
    return escapes[char] or format("\\u%04x", byte(char))
  end) .. '"'
end

local function not_json(at, what)
  error({not_json = format("%s at byte %d", what, at)}, 0)
end

local function skip(text, at)
  return find(text, "[^ \t\r\n]", at) or #text + 1
end

-- Where the string ends that begins at `at`.
local function string_end(text, at)
  local next = at + 1
  while true do
    local stop = find(text, '[%z\1-\31"\\]', next)
    local char = stop and byte(text, stop)
    if char == QUOTE then return stop end
    if char ~= BACKSLASH then not_json(stop or #text + 1, "a text does not end or holds a control character") end
    local _, last = find(text, '^["\\/bfnrt]', stop + 1)
    if not last then _, last = find(text, "^u%x%x%x%x", stop + 1) end
    if not last then not_json(stop, "an escape is not known") end
    next = last + 1
  end
end

-- The characters that a name's escapes stand for, as far as a contract could have them.
local function unescaped(raw)
  if not find(raw, "\\", 1, true) then return raw end
  raw = gsub(raw, "\\u00([0-7]%x)", function(digits) return string.char(tonumber(digits, 16)) end)
  return (gsub(raw, '\\(["\\/])', "%1"))
end

local WORDS = {"^true", "^false", "^null"}

-- Where the number or word ends that begins at `at`.
local function token_end(text, at)
  local _, last = find(text, "^-?%d+", at)
  if last then
    if find(text, "^-?0%d", at) then not_json(at, "a number begins with 0") end
    local _, fraction = find(text, "^%.%d+", last + 1)
    last = fraction or last
    local _, exponent = find(text, "^[eE][+-]?%d+", last + 1)
    return exponent or last
  end
  for _, word in ipairs(WORDS) do
    _, last = find(text, word, at)
    if last then return last end
  end
  not_json(at, "a value is expected")
end

-- Calls `member(name, key, value)` for the name and the places of each member of the object that begins at `at`; it
-- returns where the value ends. Returns where the object ends.
local function each_member(text, at, member)
  at = skip(text, at + 1)
  if byte(text, at) == CLOSE_BRACE then return at end
  while true do
    if byte(text, at) ~= QUOTE then not_json(at, "a name in quotes is expected") end
    local last = string_end(text, at)
    local colon = skip(text, last + 1)
    if byte(text, colon) ~= COLON then not_json(colon, "a colon is expected") end
    local name = unescaped(sub(text, at + 1, last - 1))
    at = skip(text, member(name, at, skip(text, colon + 1)) + 1)
    if byte(text, at) == CLOSE_BRACE then return at end
    if byte(text, at) ~= COMMA then not_json(at, "a comma or } is expected") end
    at = skip(text, at + 1)
  end
end

-- The same for a list: `item(position, value)`, positions from 0.
local function each_item(text, at, item)
  at = skip(text, at + 1)
  if byte(text, at) == CLOSE_BRACKET then return at end
  local position = 0
  while true do
    at = skip(text, item(position, at) + 1)
    if byte(text, at) == CLOSE_BRACKET then return at end
    if byte(text, at) ~= COMMA then not_json(at, "a comma or ] is expected") end
    at = skip(text, at + 1)
    position = position + 1
  end
end
