from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cases', '0003_context'),
    ]

    operations = [
        migrations.AlterField(
            model_name='case',
            name='knowledge_source',
            field=models.CharField(choices=[('report', 'a report'), ('match', 'a match with a list'), ('score', 'a text that a model scored high'), ('flagger', 'a trusted flagger'), ('authority', 'an authority'), ('staff', 'a member of staff')], max_length=10),
        ),
    ]
