# Letters about removals.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notices', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='letter',
            name='kind',
            field=models.CharField(choices=[('appeal_granted', 'appeal granted'), ('appeal_refused', 'appeal refused'), ('must_remove', 'what to remove'), ('reversal', 'what was reversed'), ('ncmec_correction', 'correction to NCMEC'), ('removal_answer', 'how a removal request stands'), ('removal_holder', 'what was removed on a request'), ('objection_answer', 'objection answered')], max_length=20),
        ),
    ]
