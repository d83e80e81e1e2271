-- migrate:up

-- What the reporter answers the city is between the two of them, and so are its pictures. Those of another site's updates
-- come as a machine's, with words that everybody reads.
CREATE OR REPLACE VIEW public_picture AS
SELECT report_upload.report_id, report_upload.upload_id, part, report_upload.position,
    large.name AS large, small.name AS small, large.width, large.height
FROM report_upload
JOIN report ON report.id = report_upload.report_id AND is_public
JOIN report_category ON report_category.code = report.category_code
JOIN upload ON upload.id = report_upload.upload_id AND upload.purpose = 'photo'
JOIN rendition AS large ON large.upload_id = upload.id AND large.size = 'large'
JOIN rendition AS small ON small.upload_id = upload.id AND small.size = 'small'
WHERE (large.redacted OR part = 'resolved' OR NOT report_category.keeps_original)
    AND (part <> 'informed' OR EXISTS (SELECT FROM principal WHERE id = upload.owner_id AND kind = 'machine'));

-- migrate:down
CREATE OR REPLACE VIEW public_picture AS
SELECT report_upload.report_id, report_upload.upload_id, part, report_upload.position,
    large.name AS large, small.name AS small, large.width, large.height
FROM report_upload
JOIN report ON report.id = report_upload.report_id AND is_public
JOIN report_category ON report_category.code = report.category_code
JOIN upload ON upload.id = report_upload.upload_id AND upload.purpose = 'photo'
JOIN rendition AS large ON large.upload_id = upload.id AND large.size = 'large'
JOIN rendition AS small ON small.upload_id = upload.id AND small.size = 'small'
WHERE large.redacted OR part = 'resolved' OR NOT report_category.keeps_original;
