-- Buyers' values. It needs `sub`.
local ORDER = ';%x*,%d+%-%d+,[%w._%-]+,%d+,%d*,[NPQCRV],%d+'

-- True when the text is a whole buyers' value of format 1.
local function is_value(text)
    return sub(text, 1, 1) == '1' and string.gsub(sub(text, 2), ORDER, '') == ''
end
