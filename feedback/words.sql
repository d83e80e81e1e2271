-- repeatable: words as everybody may read them.

-- Words without accents and case.
CREATE OR REPLACE FUNCTION bare_words(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT translate(regexp_replace(lower(normalize(words, NFD)), '[\u0300-\u036f]', '', 'g'), 'đ', 'd')
$$;

-- A name as it may stand in a text (normalized NFD), as a regular expression for whatever case: with other spaces, and,
-- unless it is one word, which may mean something else, without accents or with others.
CREATE OR REPLACE FUNCTION name_pattern(name text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg(CASE WHEN cardinality(name) > 1
        THEN replace(regexp_replace(bare_words(word), '[[:alpha:]]', '\&[\u0300-\u036f]*', 'g'), 'd', '[dđ]')
        ELSE word END, '[\s_.-]+' ORDER BY position)
    FROM unnest(name) WITH ORDINALITY AS part (given, position),
        LATERAL regexp_replace(lower(given), '([^[:alnum:]\u0300-\u036f])', '\\\1', 'g') AS word
$$;

-- Words without telephone numbers, e-mails, numbers of identity cards and number plates; without whom a letter is addressed
-- to, and whom a title and a whole name point at; without `names`, one a line, of whoever reported: the whole name, with its
-- words in their order from whichever of them on (forms elsewhere ask for the given name first), and the end of it after a
-- title. Of other people's names the capital says that they are names; streets and offices that have one have no title in
-- small letters before them.
CREATE OR REPLACE FUNCTION public_words(words text, names text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    said text := normalize(words, NFD);
    bare CONSTANT text := bare_words(words);
    name text[];
    whole text;
    ending text;
    titles CONSTANT text := normalize('ông|bà|anh|chị|em|cô|chú|bác|cậu|dì|thím|mợ|dượng|cụ|mệ|o|thầy|tên|tên là|mr|mrs|ms', NFD);
    not_after CONSTANT text := '(?<![[:alnum:]\u0300-\u036f])';
    not_before CONSTANT text := '(?![[:alnum:]\u0300-\u036f])';
    gap CONSTANT text := '(?:[ .()-]{0,2}|[\s,/_–—]|\s[–—-]\s)';
    title CONSTANT text := '(?:[Ôô]ng|[Bb]à|[Aa]nh|[Cc]hị|[Cc]ô|[Cc]hú|[Bb]ác|[Ee]m|[Mm]rs?|[Mm]s)\M\.?';
    office CONSTANT text := '(?!(?:Sở|Ban|Ủy|UBND|Công|Trung|Phòng|Đội|Quý|Các|Cơ|Chi|Thành)\M)';
    capital CONSTANT text := '[[:upper:]][[:alpha:]]*';
BEGIN
    FOR name IN
        SELECT regexp_split_to_array(normalize(btrim(line), NFD), '\s+')
        FROM string_to_table(names, E'\n') AS line WHERE length(btrim(line)) > 1
    LOOP
        CONTINUE WHEN position(bare_words(name[cardinality(name)]) IN bare) = 0;
        SELECT string_agg(name_pattern(name[first:] || name[:first - 1]), '|'),
            string_agg(name_pattern(name[first:]), '|' ORDER BY first)
        INTO whole, ending FROM generate_series(1, cardinality(name)) AS first;
        IF cardinality(name) > 1 THEN
            said := regexp_replace(said, not_after || '(?:' || whole || ')' || not_before, '***', 'gi');
        END IF;
        said := regexp_replace(said, not_after || '(' || titles || ')(\.?\s+)(?:' || ending || ')' || not_before, '\1\2***', 'gi');
    END LOOP;
    said := normalize(said, NFC);
    said := regexp_replace(said, '(\m(?:[Kk]ính [Gg]ửi|KÍNH GỬI|[Kk]ính [Cc]hào|[Tt]hân [Gg]ửi|[Cc]hào|[Dd]ear|[Hh]ello)\M[ :]+(?:'
        || title || '[ ,/]*)*)' || office || capital || '(?: +' || capital || ')*', '\1***', 'g');
    said := regexp_replace(said, '(\m(?:kính gửi|kính chào|thân gửi|dear)\M[ :]+(?:' || title
        || ' *)+)[[:alpha:]]+(?: +[[:alpha:]]+){0,4}(?=[,.:;!\n]|$)', '\1***', 'gi');
    said := regexp_replace(said, '(\m(?:ông|bà|anh|chị|cô|chú|bác|em|[Mm]rs?\.?|[Mm]s\.?) +)' || capital || '(?: +' || capital
        || '){1,5}', '\1***', 'g');
    said := regexp_replace(said, '[^\s@<>]{1,64}@[^\s@<>]{1,190}', '***', 'g');
    said := regexp_replace(said, '(?<![[:alnum:]])[1-9][0-9] ?-? ?[A-ZĐ]{1,2}[0-9]?[ .-]{0,2}(?:[0-9]{3}[. ]?[0-9]{2}|[0-9]{4})(?![[:alnum:]])',
        '***', 'gi');
    -- Numbers of identity cards; then telephone numbers: from here, from abroad, without what they begin with. Round sums
    -- of money are neither.
    said := regexp_replace(said, '(?<![0-9])(?:[0-9]{12}|(?:[0-9]{3}[ .-]){3}(?!000)[0-9]{3})(?![0-9])', '***', 'g');
    said := regexp_replace(said, '(?<![0-9])(?:(?:\+|00)?\s?84|0(?!00))(?:' || gap || '[0-9]){8,10}(?![0-9])', '***', 'g');
    said := regexp_replace(said, '\+[0-9](?:' || gap || '[0-9]){7,13}(?![0-9])', '***', 'g');
    RETURN regexp_replace(said, '(?<![0-9])[1-9][0-9]{2}[ .-]?[0-9]{3}[ .-]?(?!000)[0-9]{3}(?![0-9])', '***', 'g');
END $$;
