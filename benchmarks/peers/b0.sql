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
), bought AS (
    SELECT buyer.commercial_partner_id AS partner_id, placed.company_id,
           MAX(day) FILTER (WHERE amount > 0) AS last_order_date,
           COUNT(*) FILTER (WHERE amount > 0 AND day > %(window_start)s) AS order_count,
           SUM(amount) FILTER (WHERE day > %(window_start)s) AS net
      FROM (
            -- quotations and later orders make somebody a customer and count for nothing else
            SELECT partner_id, company_id, dated.day,
                   CASE WHEN state = 'sale' AND dated.day <= %(as_of)s
                        THEN amount_untaxed / COALESCE(NULLIF(currency_rate, 0), 1) END AS amount
              FROM (
                    SELECT sale_order.partner_id, sale_order.company_id, state, amount_untaxed, currency_rate,
                           (date_order AT TIME ZONE 'UTC' AT TIME ZONE timezone)::date AS day
                      FROM sale_order
                      JOIN company ON company.id = sale_order.company_id
                     WHERE state != 'cancel'
                    OFFSET 0 -- the day is computed once
                   ) dated
           ) placed
      JOIN res_partner buyer ON buyer.id = placed.partner_id
  GROUP BY 1, 2
), returned AS (
    SELECT buyer.commercial_partner_id AS partner_id, account_move.company_id, SUM(amount_untaxed_signed) AS credited
      FROM account_move
      JOIN res_partner buyer ON buyer.id = account_move.partner_id
     WHERE move_type = 'out_refund' AND state = 'posted' AND payment_state IS DISTINCT FROM 'reversed'
       AND invoice_date > %(window_start)s AND invoice_date <= %(as_of)s
  GROUP BY 1, 2
), customer AS (
    SELECT bought.partner_id, bought.company_id, last_order_date, order_count,
           ROUND(COALESCE(net, 0) + CASE WHEN last_order_date IS NULL THEN 0 ELSE COALESCE(credited, 0) END,
                 company.decimals) AS amount
      FROM bought
 LEFT JOIN returned USING (partner_id, company_id)
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
