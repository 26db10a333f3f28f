class RatingCommon:
    """Tasks and chats that customers rate. Needs Project too (project)."""

    @classmethod
    def task(cls, company=None, **values):
        """A task of a project of the company, or of no company where that is False."""
        company_id = cls.company.id if company is None else company and company.id
        project = cls.env["project.project"].create({"name": "Support", "company_id": company_id})
        return cls.env["project.task"].create({"name": "Help", "project_id": project.id, **values})

    @classmethod
    def chat(cls):
        return cls.env["discuss.channel"].create({"name": "Chat", "channel_type": "channel"})

    @classmethod
    def rate(cls, document, who, rating, when, **values):
        """An answer of so many stars, given at a moment (UTC)."""
        answer = cls.env["rating.rating"].create(
            {
                "res_model_id": cls.env["ir.model"]._get_id(document._name),
                "res_id": document.id,
                "partner_id": who.id,
                "rating": rating,
                "consumed": True,
                **values,
            }
        )
        answer.flush_recordset()
        cls.env.cr.execute("UPDATE rating_rating SET rated_on = %s WHERE id = %s", (when, answer.id))
        answer.invalidate_recordset()
        return answer
