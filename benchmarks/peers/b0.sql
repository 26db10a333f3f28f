-- B0, the practical floor: what a database specialist would write. One statement reads the orders and credit
-- notes of all companies, scores their customers and writes only what changed. It knows one set of rules, and
-- keeps no tier, no segment, no reason and no history.
WITH company AS MATERIALIZED (
    SELECT company.id, company.partner_id, COALESCE(contact.tz, calendar.tz, 'UTC') AS timezone,
           GREATEST(0, -round(log(currency.rounding)))::int AS decimals
      FROM res_company company
      JOIN res_currency currency ON currency.id = company.currency_id
      JOIN res_partner contact ON contact.id = company.partner_id
 LEFT JOIN resource_calendar calendar ON calendar.id = company.resource_calendar_id
), credited AS MATERIALIZED (
    SELECT move.company_id, move.commercial_partner_id AS partner_id, move.reversed_entry_id, move.invoice_date,
           line.price_subtotal, line.balance, sold.order_id
      FROM account_move move
      JOIN account_move_line line ON line.move_id = move.id
                                 AND line.display_type = 'product' AND line.is_downpayment IS NOT TRUE
 LEFT JOIN sale_order_line_invoice_rel rel ON rel.invoice_line_id = line.id
 LEFT JOIN sale_order_line sold ON sold.id = rel.order_line_id
     WHERE move.move_type = 'out_refund' AND move.state = 'posted' AND move.invoice_date <= %(as_of)s
), given_back AS (
    SELECT order_id, SUM(price_subtotal) AS credited FROM credited WHERE order_id IS NOT NULL GROUP BY 1
), invoiced AS (
    SELECT sold.order_id, SUM(line.price_subtotal) AS invoiced
      FROM sale_order_line sold
      JOIN sale_order_line_invoice_rel rel ON rel.order_line_id = sold.id
      JOIN account_move_line line ON line.id = rel.invoice_line_id AND line.is_downpayment IS NOT TRUE
      JOIN account_move move ON move.id = line.move_id AND move.move_type = 'out_invoice' AND move.state = 'posted'
                            AND move.invoice_date <= %(as_of)s
     WHERE sold.order_id IN (SELECT order_id FROM given_back)
  GROUP BY 1
), returned AS (
    -- never more than what was credited, nor than what is missing from full invoicing
    SELECT sale_order.id, GREATEST(0, LEAST(credited, amount_untaxed,
                                            amount_untaxed - (COALESCE(invoiced, 0) - credited))) AS returned
      FROM given_back
      JOIN sale_order ON sale_order.id = given_back.order_id
 LEFT JOIN invoiced USING (order_id)
), bought AS (
    SELECT buyer.commercial_partner_id AS partner_id, placed.company_id,
           MAX(day) FILTER (WHERE amount > 0) AS last_order_date,
           COUNT(*) FILTER (WHERE amount > 0 AND day > %(window_start)s) AS order_count,
           SUM(amount) FILTER (WHERE day > %(window_start)s) AS net
      FROM (
            -- quotations and later orders make somebody a customer and count for nothing else
            SELECT partner_id, company_id, dated.day,
                   CASE WHEN state = 'sale' AND dated.day <= %(as_of)s
                        THEN (amount_untaxed - COALESCE(returned, 0)) / COALESCE(NULLIF(currency_rate, 0), 1)
                        END AS amount
              FROM (
                    SELECT sale_order.id, sale_order.partner_id, sale_order.company_id, state, amount_untaxed,
                           currency_rate, (date_order AT TIME ZONE 'UTC' AT TIME ZONE timezone)::date AS day
                      FROM sale_order
                      JOIN company ON company.id = sale_order.company_id
                     WHERE state != 'cancel'
                    OFFSET 0 -- the day is computed once
                   ) dated
         LEFT JOIN returned ON returned.id = dated.id
           ) placed
      JOIN res_partner buyer ON buyer.id = placed.partner_id
  GROUP BY 1, 2
), rebate AS (
    SELECT partner_id, company_id, -SUM(balance) AS rebated
      FROM credited
     WHERE order_id IS NULL AND reversed_entry_id IS NULL AND invoice_date > %(window_start)s
  GROUP BY 1, 2
), customer AS (
    SELECT bought.partner_id, bought.company_id, last_order_date, order_count,
           ROUND(COALESCE(net, 0) + CASE WHEN last_order_date IS NULL THEN 0 ELSE COALESCE(rebated, 0) END,
                 company.decimals) AS amount
      FROM bought
 LEFT JOIN rebate USING (partner_id, company_id)
      JOIN company ON company.id = bought.company_id
      JOIN res_partner partner ON partner.id = bought.partner_id AND partner.active
     WHERE bought.partner_id NOT IN (SELECT partner_id FROM company)
), ranked AS (
    -- Mid-rank: the share below plus half of the equals. Percent_rank() is that below of the n - 1 others,
    -- cume_dist() that below and of the equals. Those who bought in the window are compared with each other.
    SELECT *,
           (PERCENT_RANK() OVER recent * (COUNT(*) OVER everybody - 1) / COUNT(*) OVER everybody
               + CUME_DIST() OVER recent) / 2 AS recency,
           (PERCENT_RANK() OVER frequent * (COUNT(*) OVER everybody - 1) / COUNT(*) OVER everybody
               + CUME_DIST() OVER frequent) / 2 AS frequency,
           (PERCENT_RANK() OVER rich * (COUNT(*) OVER everybody - 1) / COUNT(*) OVER everybody
               + CUME_DIST() OVER rich) / 2 AS monetary
      FROM customer
    WINDOW everybody AS (PARTITION BY company_id, order_count > 0),
           recent AS (everybody ORDER BY last_order_date),
           frequent AS (everybody ORDER BY order_count),
           rich AS (everybody ORDER BY amount)
), worst AS (
    SELECT company_id, MIN(recency) AS recency
      FROM ranked
     WHERE order_count > 0
  GROUP BY company_id
), scored AS (
    -- Who did not buy in the window is as recent as the least recent who did; no order and no money have no
    -- points. Who never bought has no scores.
    SELECT partner_id, company_id, last_order_date, order_count, amount,
           CASE WHEN order_count > 0 THEN FLOOR(ROUND(ranked.recency::numeric, 8) * 5) + 1
                WHEN last_order_date IS NOT NULL THEN COALESCE(FLOOR(ROUND(worst.recency::numeric, 8) * 5) + 1, 1)
           END AS recency_score,
           CASE WHEN order_count > 0 THEN FLOOR(ROUND(frequency::numeric, 8) * 5) + 1
                WHEN last_order_date IS NOT NULL THEN 1 END AS frequency_score,
           CASE WHEN order_count > 0 THEN FLOOR(ROUND(monetary::numeric, 8) * 5) + 1
                WHEN last_order_date IS NOT NULL THEN 1 END AS monetary_score
      FROM ranked
 LEFT JOIN worst USING (company_id)
)
INSERT INTO bench_b0 AS kept (
    partner_id, company_id, last_order_date, order_count, amount, recency_score, frequency_score, monetary_score, score)
SELECT *, ROUND((recency_score + frequency_score + monetary_score) / 3, 2)
  FROM scored
    ON CONFLICT (partner_id, company_id) DO UPDATE
   SET last_order_date = excluded.last_order_date, order_count = excluded.order_count, amount = excluded.amount,
       recency_score = excluded.recency_score, frequency_score = excluded.frequency_score,
       monetary_score = excluded.monetary_score, score = excluded.score
 WHERE (kept.last_order_date, kept.order_count, kept.amount,
        kept.recency_score, kept.frequency_score, kept.monetary_score, kept.score)
       IS DISTINCT FROM
       (excluded.last_order_date, excluded.order_count, excluded.amount,
        excluded.recency_score, excluded.frequency_score, excluded.monetary_score, excluded.score)
