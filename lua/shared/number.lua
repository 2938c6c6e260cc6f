-- A count of at most 15 digits, or nil. It needs `find`.
local function number_of(text)
    if text and #text <= 15 and find(text, '^%d+$') then
        return tonumber(text)
    end
    return nil
end
